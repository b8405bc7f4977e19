import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { LOCALHOST } from './certificates.ts';

/** A step of a dialogue (RFC 5321, 4.1); `greeting` comes before the first command, `message` ends what DATA began. */
export type Step = 'greeting' | 'EHLO' | 'STARTTLS' | 'AUTH' | 'MAIL' | 'RCPT' | 'DATA' | 'message' | 'RSET' | 'QUIT';

/** What a server answers instead of agreeing; null: it hangs up without a word. A reply that begins with 421 is followed by the end. */
export type Replies = Partial<Record<Step, string | null>>;

/** A mail server that speaks as a provider does. */
export interface MailProvider {
  port: number;
  /** What it answers from now on where it does not agree; `offers` instead of those of the provider. */
  say(replies: Replies, offers?: string[]): void;
  /** Ends what is connected, as idle servers do, with or without a word before. */
  hangUp(word?: string): void;
  /** The steps of all dialogues, in order, each with `+` in front where it was said over TLS. */
  steps: string[];
  /** Recipient and Message-ID of each mail that it took. */
  taken: { to: string; id: string }[];
  close(): Promise<void>;
}

/** What a provider says of itself. */
export interface Manner {
  greeting: string;
  /** After EHLO in the clear, and over TLS. */
  offers: [clear: string[], secret: string[]];
}

const AGREEMENT: Record<Exclude<Step, 'greeting' | 'EHLO'>, string> = {
  STARTTLS: '220 2.0.0 Ready to start TLS',
  AUTH: '235 2.7.0 Accepted',
  MAIL: '250 2.1.0 OK',
  RCPT: '250 2.1.5 OK',
  DATA: '354 Go ahead',
  message: '250 2.0.0 OK',
  RSET: '250 2.0.0 OK',
  QUIT: '221 2.0.0 Closing connection',
};

/** Opens a mail server on 127.0.0.1, with the certificate of the test authority. */
export async function openMailProvider(manner: Manner): Promise<MailProvider> {
  let replies: Replies = {};
  let offered: string[] | undefined;
  const steps: string[] = [];
  const taken: MailProvider['taken'] = [];
  const sockets = new Set<Socket>();

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    listen(socket, false);
    answer(socket, 'greeting', manner.greeting);
  });

  /** Answers a step; answers whether it agreed. */
  function answer(socket: Socket, step: Step, agreement: string): boolean {
    const reply = replies[step];
    if (reply === null) socket.destroy();
    else if (reply?.startsWith('421')) socket.end(`${reply}\r\n`);
    else socket.write(`${reply ?? agreement}\r\n`);
    return reply === undefined;
  }

  function listen(socket: Socket, isSecret: boolean): void {
    let rest = '';
    /** The recipient that it took. */
    let to: string | null = null;
    let message: string[] | null = null;
    /** What AUTH LOGIN asks for next, in the order of its draft. */
    let prompts: string[] = [];
    socket.on('error', () => {});
    socket.on('data', onData);

    function onData(chunk: Buffer): void {
      const lines = (rest + chunk).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (prompts.length > 0) onPrompted();
        else if (message === null) onCommand(line);
        else if (line === '.') onMessage(message);
        else message.push(line);
      }
    }

    function onPrompted(): void {
      prompts = prompts.slice(1);
      if (prompts.length > 0) socket.write(`334 ${prompts[0]}\r\n`);
      else answer(socket, 'AUTH', AGREEMENT.AUTH);
    }

    function onMessage(lines: string[]): void {
      message = null;
      steps.push(`${isSecret ? '+' : ''}message`);
      const id = lines.find((line) => /^message-id:/i.test(line))?.slice('message-id:'.length) ?? '';
      if (answer(socket, 'message', AGREEMENT.message) && to !== null) taken.push({ to, id: id.trim() });
      to = null;
    }

    function onCommand(line: string): void {
      const step = (line.split(/[ :]/)[0] ?? '').toUpperCase() as Step;
      steps.push(`${isSecret ? '+' : ''}${step}`);
      if (step === 'EHLO') {
        const lines = ['mail.provider.example at your service', ...(offered ?? manner.offers[isSecret ? 1 : 0])];
        answer(socket, step, lines.map((text, i) => `250${i < lines.length - 1 ? '-' : ' '}${text}`).join('\r\n'));
        return;
      }
      const agreement = AGREEMENT[step as keyof typeof AGREEMENT];
      if (agreement === undefined) return void socket.write('500 5.5.1 Unrecognized command\r\n');
      if (/^auth login$/i.test(line)) {
        prompts = ['VXNlcm5hbWU6', 'UGFzc3dvcmQ6'];
        return void socket.write(`334 ${prompts[0]}\r\n`);
      }
      // Clients that pipeline send it before they hear of the recipient.
      if (step === 'DATA' && to === null) return void socket.write('503 5.5.1 RCPT first\r\n');
      if (!answer(socket, step, agreement)) return;
      if (step === 'RCPT') to = /<([^>]*)>/.exec(line)?.[1] ?? null;
      if (step === 'MAIL' || step === 'RSET') to = null;
      if (step === 'DATA') message = [];
      if (step === 'QUIT') socket.end();
      if (step === 'STARTTLS') {
        socket.removeListener('data', onData);
        const secret = new TLSSocket(socket, { isServer: true, ...LOCALHOST });
        listen(secret, true);
      }
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    say(next, offers) {
      replies = next;
      offered = offers;
    },
    hangUp(word) {
      for (const socket of sockets) {
        if (word === undefined) socket.destroy();
        else socket.end(`${word}\r\n`);
      }
    },
    steps,
    taken,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
