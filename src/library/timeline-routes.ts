import { implement, type Routes } from '../http/contract.ts';
import type { Library } from './library.ts';
import type { OpenLibrary } from './open-library.ts';
import { searchNames } from './search.ts';
import { assetDetails, ownEntries, timelineMonths, timelinePage } from './timeline.ts';
import { timelineContract } from './timeline-contract.ts';
import { timelineLayout } from './timeline-layout.ts';

type TimelineRoutesDeps = Readonly<{
  library: Library;
  namesOf: (phoneId: string) => { phone: string; person: string };
}>;

export function timelineRoutes({ library, namesOf }: TimelineRoutesDeps): Routes {
  const asked = async <T>(read: (open: OpenLibrary) => T | Promise<T>): Promise<T> => {
    const open = library.current();
    try {
      return await read(open);
    } catch (error) {
      throw await library.failed(open, error);
    }
  };

  return implement(timelineContract, {
    async timeline({ caller, query }) {
      return await asked((open) => timelinePage(open, caller.personId, query));
    },

    async timelineLayout({ caller, query }) {
      return await asked((open) => timelineLayout(open, caller.personId, query));
    },

    async timelineEntries({ caller, query }) {
      const ids = query.ids.split(',').map(Number);
      return await asked((open) => ({ entries: ownEntries(open, caller.personId, ids) }));
    },

    async timelineMonths({ caller, query }) {
      return await asked((open) => ({ months: timelineMonths(open, caller.personId, query) }));
    },

    async searchNames({ caller, query }) {
      return await asked((open) => searchNames(open, caller.personId, query));
    },

    async getAsset({ caller, params }) {
      return await asked((open) => assetDetails(open, caller.personId, params.id, (phone) => namesOf(phone).phone));
    },
  });
}
