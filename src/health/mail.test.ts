import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { sendMail } from './mail.ts';
import { whyNotSent } from './why-not-sent.ts';

const password = 'correct-mail-horse-77';
let server: Server | undefined;
afterEach(() => server?.close());

test.each([
  'PLAIN',
  'LOGIN',
])('a server that repeats what AUTH %s said gets no password into the reason', async (how) => {
  const heard: string[] = [];
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write('220 mail.test\r\n');
    socket.on('data', (chunk) => {
      const line = chunk.toString().trim();
      heard.push(line);
      if (line.startsWith('EHLO')) socket.write(`250-mail.test\r\n250 AUTH ${how}\r\n`);
      else if (line === 'AUTH LOGIN') socket.write('334 VXNlcm5hbWU6\r\n');
      else if (line === Buffer.from('alice').toString('base64')) socket.write('334 UGFzc3dvcmQ6\r\n');
      else socket.write(`535 no: ${line}\r\n`);
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const order = {
    server: {
      ...({ host: '127.0.0.1', port, security: 'none', user: 'alice', password } as const),
      ...{ from: 'box@home.test', to: ['alice@home.test'] },
    },
    message: { kind: 'test', subject: 's', body: 'b', severity: null, at: 1, facts: {} } as const,
    boxName: 'nightjar',
    boxId: 'b',
  };
  const why = await sendMail(order, AbortSignal.timeout(20_000)).catch((error: Error) => error.message);
  expect(why).toContain('535 no:');
  const secret = heard.find((line) => Buffer.from(line.split(' ').at(-1) ?? '', 'base64').includes(password));
  expect(secret).toBeDefined();
  expect(why).not.toContain(secret?.split(' ').at(-1)?.replace(/=+$/, ''));
  expect(why).not.toContain(password);
});

test.each([
  [{ code: 'ESOCKET', message: 'connect ECONNREFUSED 127.0.0.1:45733' }, 'Nothing takes connections there.'],
  [{ code: 'EDNS', message: 'getaddrinfo ENOTFOUND smtp.example' }, 'The box finds no such name.'],
  [{ code: 'ETIMEDOUT', message: 'Connection timeout' }, 'There is no answer.'],
  [{ code: 'ESOCKET', message: '80C0:error:0A00010B:SSL routines::wrong version number' }, 'No secure connection'],
  [{ code: 'ESOCKET', message: 'self-signed certificate' }, 'Its certificate is not one'],
  [{ code: 'ENVELOPE', message: 'x', responseCode: 550, response: '550 no such user' }, 'It says: 550 no such user'],
])('%j is said in words', (error, words) => {
  expect(whyNotSent(error)).toContain(words);
  expect(whyNotSent(error)).not.toMatch(/E[A-Z]{5}|SSL|127/);
});
