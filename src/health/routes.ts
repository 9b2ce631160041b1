import { implement, type Routes } from '../http/contract.ts';
import { homeContract } from './contract.ts';
import type { Home } from './home.ts';

export function homeRoutes(home: Home): Routes {
  return implement(homeContract, {
    home: ({ caller }) => home.view({ personId: caller.personId, owner: caller.role === 'owner' }),
  });
}
