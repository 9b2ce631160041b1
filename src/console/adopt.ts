/** `nightjar adopt`: what the disk of another box holds, and becoming that box. */
import type { adoptionContract } from '../copies/adoption-contract.ts';
import type { Static } from '../platform/schema.ts';
import type { BoxSocket } from './box-socket.ts';
import { moment, table } from './print.ts';
import type { Terminal } from './terminal.ts';

type Reply<K extends keyof typeof adoptionContract> = Static<(typeof adoptionContract)[K]['reply']>;
type Opener = { password: string } | { recoveryKey: string };

export async function lookAtAdoption(asked: { code: string; json: boolean }, box: BoxSocket, terminal: Terminal) {
  const found = (await box.ask('POST', '/api/setup/adopt/look', { code: asked.code })) as Reply<'lookAtAdoption'>;
  if (asked.json) return terminal.out(JSON.stringify(found));
  const count = (n: number | null) => (n === null ? 'not known yet' : String(n));
  terminal.out(
    `The disk is the library of “${found.box}”. People: ${count(found.people)}. Files: ${count(found.files)}.`,
  );
  const rows = found.copies.map(({ name, madeAt, opensByPassword }) => [
    name,
    moment(madeAt),
    opensByPassword ? 'the owner’s password, or the recovery key' : 'the recovery key',
  ]);
  terminal.out(table(['COPY OF THE BOX', 'MADE', 'OPENS BY'], rows));
  terminal.out('Nothing was changed. Adopt it with --password-stdin or --recovery-key-stdin.');
}

export async function adopt(
  asked: { code: string; copy: string | undefined; opener: Opener; json: boolean },
  box: BoxSocket,
  terminal: Terminal,
) {
  const { code, copy, opener } = asked;
  const body = { code, ...(copy !== undefined && { copy }), ...opener };
  const reply = (await box.ask('POST', '/api/setup/adopt', body)) as Reply<'adopt'>;
  if (asked.json) return terminal.out(JSON.stringify(reply));
  terminal.out(`This box is “${reply.box}” now, as it was at ${moment(reply.madeAt)}; it starts anew at this moment.`);
  for (const { name, files } of reply.people) terminal.out(`  ${name}: ${files} ${files === 1 ? 'file' : 'files'}`);
  terminal.out(`Paired phones and apps, which go on by themselves: ${reply.phones}. Sign in again in the browser.`);
  terminal.out('Never run the old box again beside it: they are one and the same to every phone.');
}
