import { implement, type Routes } from '../http/contract.ts';
import type { BoxCopies } from './box-copies.ts';
import { boxCopiesContract } from './box-copies-contract.ts';

export function boxCopiesRoutes(copies: BoxCopies): Routes {
  return implement(boxCopiesContract, {
    async openBoxCopy({ body: { file, dir, ...opener } }) {
      const { head, files } = await copies.openCopy(file, dir, opener);
      return { box: head.box, madeAt: head.madeAt, files };
    },
  });
}
