import { implement, type Routes } from '../http/contract.ts';
import type { DisksRoom } from './disks-room.ts';
import { disksRoomContract } from './disks-room-contract.ts';

export function disksRoomRoutes(room: DisksRoom): Routes {
  return implement(disksRoomContract, { readRoom: () => room.view() });
}
