/** What comes from other disks and goes to them: `nightjar import`, `imports`, `export`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExportView } from '../copies/export-contract.ts';
import type { ImportView } from '../imports/contract.ts';
import type { BoxSocket } from './box-socket.ts';
import { Failure } from './failure.ts';
import { amount, moment, table } from './print.ts';
import type { Terminal } from './terminal.ts';

const lookMs = 500;
/** Lines of one command: somebody reads them. */
const sayEveryMs = 10_000;
const problemsShownMax = 20;

/** `folder`: absolute. Waits for the end, unless `background`; ends with a failure where it did not end whole. */
export async function runImport(
  asked: { folder: string; person: string; allFiles: boolean; background: boolean; json: boolean },
  box: BoxSocket,
  terminal: Terminal,
): Promise<void> {
  const { folder, person, allFiles } = asked;
  const body = { source: 'folder', folder, person, allFiles };
  let it = (await box.ask('POST', '/api/imports', body)) as ImportView;
  terminal.err(`The import goes on by itself, also after a restart. "nightjar imports stop ${it.id}" ends it.`);
  let saidAt = performance.now();
  while (!asked.background && it.state === 'running') {
    await sleep(lookMs);
    it = (await box.ask('GET', `/api/imports/${it.id}`)) as ImportView;
    if (performance.now() - saidAt < sayEveryMs) continue;
    saidAt = performance.now();
    terminal.err(`${files(it.report.imported)} imported so far`);
  }
  if (asked.json) terminal.out(JSON.stringify(it));
  else terminal.out(reportOf(it).join('\n'));
  if (it.state === 'done' || asked.background) return;
  throw new Failure(
    it.state === 'waiting'
      ? `The import waits (${it.reason}), and goes on by itself: "nightjar imports" says how far it is.`
      : `The import has ended early (${it.state}). What was imported stays.`,
  );
}

export async function listImports(json: boolean, box: BoxSocket, terminal: Terminal): Promise<void> {
  const { imports } = (await box.ask('GET', '/api/imports')) as { imports: ImportView[] };
  if (json) return terminal.out(JSON.stringify({ imports }));
  if (imports.length === 0) return terminal.out('Nothing was imported.');
  const rows = imports.map((it) => [
    it.id,
    it.person,
    moment(it.createdAt),
    it.reason === null ? it.state : `${it.state}: ${it.reason}`,
    String(files(it.report.imported)),
    printable(it.folder ?? ''),
  ]);
  terminal.out(table(['ID', 'PERSON', 'BEGUN', 'STATE', 'IMPORTED', 'FROM'], rows));
}

export async function oneImport(
  asked: { id: string; stop: boolean; json: boolean },
  box: BoxSocket,
  terminal: Terminal,
): Promise<void> {
  const path = `/api/imports/${encodeURIComponent(asked.id)}`;
  const reply = asked.stop ? box.ask('POST', `${path}/stop`) : box.ask('GET', path);
  const it = (await reply) as ImportView;
  terminal.out(asked.json ? JSON.stringify(it) : reportOf(it).join('\n'));
}

/** Waits for the end. @throws {Failure} when not all of it is there */
export async function runExport(
  asked: { folder: string; person: string | undefined; json: boolean },
  box: BoxSocket,
  terminal: Terminal,
): Promise<void> {
  const { folder, person } = asked;
  let it = (await box.ask('POST', '/api/export', { folder, ...(person !== undefined && { person }) })) as ExportView;
  let saidAt = performance.now();
  while (it.state === 'running') {
    await sleep(lookMs);
    const { export: now } = (await box.ask('GET', '/api/export')) as { export: ExportView | null };
    if (now === null || now.folder !== folder) throw new Failure('The box was restarted. Begin the same export again.');
    it = now;
    if (performance.now() - saidAt < sayEveryMs) continue;
    saidAt = performance.now();
    terminal.err(`${it.copied + it.had} of ${it.ofFiles} files so far`);
  }
  if (asked.json) terminal.out(JSON.stringify(it));
  else {
    terminal.out(`${it.copied} files copied and read back, ${it.had} were there and are whole (${amount(it.bytes)}).`);
    for (const { path, reason } of it.problems.slice(0, problemsShownMax))
      terminal.out(`  ${reason}: ${printable(path)}`);
  }
  if (it.state !== 'done') throw new Failure(it.reason ?? 'The export was stopped. What was copied is whole.');
  const missing = it.problems.length + it.problemsMore;
  if (missing > 0) throw new Failure(`${missing} files are not in ${folder}.`);
}

function reportOf({ report, state, person }: ImportView): string[] {
  const lines = [
    `${state}: ${files(report.imported)} files are in ${person}’s library now (${bytes(report.imported)}),`,
  ];
  lines.push(`${files(report.had)} were there already`);
  for (const [kind, { files: count }] of Object.entries(report.imported)) {
    if (count > 0) lines.push(`  imported ${kind}: ${count}`);
  }
  for (const [reason, count] of Object.entries(report.leftOut)) lines.push(`  left out, ${reason}: ${count}`);
  for (const { path, reason } of report.problems.slice(0, problemsShownMax))
    lines.push(`  ${reason}: ${printable(path)}`);
  const more = report.problems.length + report.problemsMore - problemsShownMax;
  if (more > 0) lines.push(`  and ${more} more`);
  return lines;
}

/** Names of strangers' files: nothing in them may move the cursor or turn the line around. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}

function files(of: ImportView['report']['imported']): number {
  return Object.values(of).reduce((sum, one) => sum + one.files, 0);
}

function bytes(of: ImportView['report']['imported']): string {
  return amount(Object.values(of).reduce((sum, one) => sum + one.bytes, 0));
}
