/**
 * Owns the door for existing backup apps: Nextcloud's phone apps and whatever else speaks WebDAV.
 * Never keeps a file or a name itself, never shows a phone more than its own view, and never removes an original.
 * The composition root makes its routes; what they keep is the append store's, the library's and the phones'.
 */
import type { Routes } from '../http/contract.ts';
import { Type } from '../platform/schema.ts';
import { type AccountDeps, accountRoutes } from './account.ts';
import { verbRoutes } from './dav-reply.ts';
import { Files, type FilesDeps } from './files.ts';
import { Parts } from './parts.ts';
import { type PreviewsDeps, previewRoutes } from './previews.ts';
import { topPaths, topVerbs } from './tops.ts';

export type NextcloudDeps = AccountDeps & FilesDeps & Pick<PreviewsDeps, 'picture'>;

const davPath = '/remote.php/dav';
const filesPaths = [
  `${davPath}/files/:user`,
  `${davPath}/files/:user/*`,
  '/remote.php/webdav',
  '/remote.php/webdav/*',
] as const;
const User = Type.Object({ user: Type.String({ maxLength: 64 }) });

export function nextcloudRoutes(deps: NextcloudDeps): Routes[] {
  const files = new Files(deps);
  const parts = new Parts({ ...deps, files });
  return [
    accountRoutes(deps),
    verbRoutes('tops', topPaths, topVerbs),
    verbRoutes('files', filesPaths, files.verbs, User),
    verbRoutes('parts', [`${davPath}/uploads/:user/*`], parts.verbs, User),
    ...previewRoutes({ files, picture: deps.picture }),
  ];
}
