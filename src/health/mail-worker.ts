/**
 * A thread that sends one e-mail (RFC 5321) by nodemailer, and ends: its 13 MB are gone with it. The server's certificate
 * is checked, and STARTTLS is demanded where it was chosen. It reads no file and follows no link, whatever it is given.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { createTransport } from 'nodemailer';
import type { MailOrder, MailResult } from './mail.ts';
import { whyNotSent } from './why-not-sent.ts';

const connectMs = 15_000;
const idleMs = 20_000;

parentPort?.postMessage(await send(workerData as MailOrder));

async function send({ server, message, boxName, boxId }: MailOrder): Promise<MailResult> {
  const { host, port, security, user, password } = server;
  try {
    const transport = createTransport({
      host,
      port,
      secure: security === 'tls',
      requireTLS: security === 'starttls',
      ignoreTLS: security === 'none',
      ...(user === null ? {} : { auth: { user, pass: password ?? '' } }),
      connectionTimeout: connectMs,
      greetingTimeout: connectMs,
      dnsTimeout: connectMs,
      socketTimeout: idleMs,
      disableFileAccess: true,
      disableUrlAccess: true,
      logger: false,
    });
    await transport.sendMail({
      from: { name: `Nightjar ${boxName}`, address: server.from },
      to: [...server.to],
      subject: message.subject,
      text: message.body,
      date: new Date(message.at),
      // Tried again it is the same message: who has it already may drop it.
      ...(message.id === undefined ? {} : { messageId: `<${message.id}.${message.at}.${boxId}@nightjar.invalid>` }),
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
    transport.close();
    return { sent: true };
  } catch (error) {
    return {
      sent: false,
      why: withoutSecret(whyNotSent(error), { user, password }),
    };
  }
}

/** Servers have been seen to repeat what was said to them. */
function withoutSecret(text: string, { user, password }: Pick<MailOrder['server'], 'user' | 'password'>): string {
  if (password === null || password === '') return text;
  // As AUTH LOGIN says it, and as AUTH PLAIN does (RFC 4616).
  const said = [password, `\0${user ?? ''}\0${password}`].map((one) =>
    Buffer.from(one).toString('base64').replace(/=+$/, ''),
  );
  return [password, ...said].reduce((rest, one) => rest.replaceAll(one, '[hidden]'), text);
}
