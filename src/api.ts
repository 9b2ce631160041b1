/** The sum of the HTTP contracts: what clients type against (by `import type`) and what the document describes. */
import { accessContract } from './access/contract.ts';
import { healthContract } from './http/health.ts';
import { libraryContract } from './library/contract.ts';
import { phonesContract } from './phones/contract.ts';
import { uploadsContract } from './uploads/contract.ts';

export const api = { ...healthContract, ...accessContract, ...phonesContract, ...libraryContract, ...uploadsContract };
