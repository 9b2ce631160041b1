/**
 * The process edge: reads the configuration, starts the box, waits for a signal, stops within 10 seconds.
 * `--announce` prints the addresses and the setup code for the person at this terminal; they never go to the log.
 */
import { readFile } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { readConfig } from './config.ts';
import { Nightjar } from './nightjar.ts';
import { CodedError } from './platform/errors.ts';
import { createLog } from './platform/log.ts';

const stopMsMax = 10_000;
/** In the image it is a program on everybody's path (system/usr/bin). */
const consoleCommand = import.meta.dirname.startsWith('/usr/lib/') ? 'nightjar' : 'npm run -s nightjar --';

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog({ level: config.logLevel });
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const box = new Nightjar(config, log);
  const started = await box.start();
  // Kept for the next start, also when this one is killed.
  flushCompileCache();
  if (process.argv.includes('--announce')) await announce(config.stateDir, started);
  const signal = await Promise.race([stopped, box.restart]);
  log.info(signal === undefined ? {} : { signal }, 'stopping');
  setTimeout(() => process.exit(1), stopMsMax).unref();
  await box.stop();
  log.info('stopped');
  // In its own place, with its own number, and with the memory of a new process: whoever looks after it notices nothing.
  // Not with sockets of somebody else's, which a new program would not have: whoever opened them starts it anew.
  const isHandedOver = config.handedOver.http !== undefined || config.handedOver.https !== undefined;
  if (signal === undefined && !isHandedOver)
    process.execve?.(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)]);
  process.exit(0);
}

async function announce(stateDir: string, started: Awaited<ReturnType<Nightjar['start']>>): Promise<void> {
  const addresses = await started.addresses();
  const lines = ['', 'Nightjar is running.', '', `  On this computer:  http://localhost:${started.httpPort}/`];
  for (const address of addresses) lines.push(`  On your network:   https://${address}/`);
  if (!started.setUp) {
    const code = (await readFile(join(stateDir, 'setup-code'), 'utf8').catch(() => '')).trim();
    lines.push('', `  Setup code:        ${code}`, '  Nobody owns this box yet; whoever has the code can claim it.');
    // In the fragment, which no browser sends: it is in no request line and no log (RFC 3986, section 3.5).
    const page = `/setup#${encodeURIComponent(code)}`;
    lines.push(`  Set it up:         http://localhost:${started.httpPort}${page}`);
    for (const address of addresses) lines.push(`                     https://${address}${page}`);
    lines.push(`  ${consoleCommand} setup --code ${code} --person NAME --password-stdin`);
  }
  process.stderr.write(`${lines.join('\n')}\n\n`);
}

main().catch((error: unknown) => {
  const text =
    error instanceof CodedError
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  process.stderr.write(`Nightjar could not start. ${text}\n`);
  process.exit(1);
});
