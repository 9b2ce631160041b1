import { expect, test } from 'vitest';
import { runCommand } from './commands.ts';

const limits = { timeoutMs: 5_000, outputBytesMax: 1_000 };
const coded = (code: string) => expect.objectContaining({ code });

test('gives status and both outputs, and judges neither', async () => {
  const result = await runCommand('sh', ['-c', 'echo out; echo err >&2; exit 3'], limits);
  expect(result).toEqual({ status: 3, stdout: 'out\n', stderr: 'err\n' });
});

test('arguments pass through no shell', async () => {
  const result = await runCommand('printf', ['%s', '$(id); *'], limits);
  expect(result.stdout).toBe('$(id); *');
});

test('the environment holds only what was given', async () => {
  const result = await runCommand('env', [], { ...limits, env: { TZ: 'UTC' } });
  const names = result.stdout
    .trim()
    .split('\n')
    .map((line) => line.split('=')[0]);
  expect(names.sort()).toEqual(['LANG', 'PATH', 'TZ']);
});

test('a program that is not installed has a code of its own', async () => {
  await expect(runCommand('nightjar-no-such-program', [], limits)).rejects.toEqual(coded('command-missing'));
  await expect(runCommand('/etc/passwd', [], limits)).rejects.toEqual(coded('command-missing'));
});

test('one that takes too long is killed, also when it ignores signals and its child holds the output', async () => {
  const started = performance.now();
  const slow = runCommand('sh', ['-c', 'trap "" TERM INT HUP; sleep 20 & sleep 20'], { ...limits, timeoutMs: 100 });
  await expect(slow).rejects.toEqual(coded('command-failed'));
  expect(performance.now() - started).toBeLessThan(10_000);
});

test('one that writes too much is killed, and what fits is complete', async () => {
  await expect(runCommand('yes', [], limits)).rejects.toEqual(coded('command-failed'));
  await expect(runCommand('head', ['-c', '1001', '/dev/zero'], limits)).rejects.toEqual(coded('command-failed'));
  expect((await runCommand('head', ['-c', '1000', '/dev/zero'], limits)).stdout).toHaveLength(1000);
});

test('an abort ends it, before and after its start', async () => {
  const stop = new AbortController();
  const running = runCommand('sleep', ['3'], { ...limits, signal: stop.signal });
  setTimeout(() => stop.abort(), 20);
  await expect(running).rejects.toEqual(coded('command-failed'));
  await expect(runCommand('sleep', ['3'], { ...limits, signal: stop.signal })).rejects.toEqual(coded('command-failed'));
});

test('death by a signal is a failure', async () => {
  await expect(runCommand('sh', ['-c', 'kill -9 $$'], limits)).rejects.toEqual(coded('command-failed'));
});
