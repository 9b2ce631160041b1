/** Asks the daemon how it is, at its console: what anybody may ask (`src/http/health.ts`). */
import { request } from 'node:http';
import { places } from './record.mts';

type Health = Readonly<{ version: string; disk: string }>;
const askMs = 10_000;
const answerBytesMax = 16 * 1024;

/** @throws where the daemon does not answer, or says that it is not well. */
export function askHealth(): Promise<Health> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { socketPath: places.console, path: '/api/health', headers: { host: 'localhost' }, timeout: askMs },
      (answer) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > answerBytesMax) answer.destroy(new Error('too long'));
          else chunks.push(chunk);
        });
        answer.once('error', reject);
        answer.once('end', () => {
          try {
            const { status, version, disk } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<
              string,
              unknown
            >;
            const well = answer.statusCode === 200 && (status === 'ok' || status === 'degraded');
            if (!well) throw new Error('not well');
            resolve({ version: String(version), disk: String(disk) });
          } catch (error) {
            reject(error);
          }
        });
      },
    );
    asked.once('timeout', () => asked.destroy(new Error('silent')));
    asked.once('error', reject);
    asked.end();
  });
}
