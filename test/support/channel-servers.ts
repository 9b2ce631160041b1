/** The other sides of the box's channels, on real sockets of this machine: who takes a post, and who takes a mail. */
import { createServer as createHttpServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { type AddressInfo, createServer, type Socket, type Server as TcpServer } from 'node:net';

type Taken = Readonly<{ headers: IncomingHttpHeaders; body: string; path: string }>;

/** Takes what is posted, or refuses it. */
export class Hook implements AsyncDisposable {
  readonly taken: Taken[] = [];
  status = 200;
  connections = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createHttpServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        if (this.status === 200) this.taken.push({ headers: request.headers, body, path: request.url ?? '' });
        response.writeHead(this.status).end('a long answer that nobody reads');
      });
    });
    this.#server.on('connection', () => {
      this.connections += 1;
    });
  }

  static async open(): Promise<Hook> {
    const hook = new Hook();
    await new Promise<void>((resolve) => hook.#server.listen(0, '127.0.0.1', resolve));
    return hook;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/a-topic-that-nobody-guesses`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A mail server (RFC 5321) that takes everything, in clear and from anybody. */
export class MailServer implements AsyncDisposable {
  readonly mails: string[] = [];
  connections = 0;
  readonly #server: TcpServer;

  private constructor() {
    this.#server = createServer((socket) => {
      this.connections += 1;
      this.#serve(socket);
    });
  }

  static async open(): Promise<MailServer> {
    const server = new MailServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    let text = '';
    let data: string | undefined;
    socket.on('error', () => undefined);
    socket.write('220 mail.test\r\n');
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        if (data === undefined && line.startsWith('DATA')) {
          data = '';
          socket.write('354 go on\r\n');
        } else if (data !== undefined && line === '.') {
          this.mails.push(data);
          data = undefined;
          socket.write('250 taken\r\n');
        } else if (data !== undefined) data += `${line}\r\n`;
        else if (line.startsWith('QUIT')) socket.end('221 bye\r\n');
        else socket.write('250 fine\r\n');
      }
    });
  }
}
