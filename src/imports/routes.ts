import { implement, type Routes } from '../http/contract.ts';
import { importsContract } from './contract.ts';
import type { Imports } from './imports.ts';

export function importsRoutes(imports: Imports): Routes {
  return implement(importsContract, {
    beginImport: async ({ caller, body }) => await imports.begin(caller, body),
    listImports: async ({ caller }) => ({ imports: await imports.list(caller) }),
    getImport: async ({ caller, params }) => await imports.get(caller, params.id),
    stopImport: async ({ caller, params }) => await imports.stop(caller, params.id),
  });
}
