import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface MailSink {
  /** An `SMTP_URL`. */
  url: string;
  /** The six digits of the next mail to this address that has some. Throws if none comes in half a minute. */
  codeFor(address: string): Promise<string>;
}

const PATIENCE = 30_000;

/** A mail server that keeps nothing but codes. */
export async function openMailSink(): Promise<MailSink> {
  const codes = new Map<string, PromiseWithResolvers<string>>();
  function slot(address: string): PromiseWithResolvers<string> {
    const known = codes.get(address) ?? Promise.withResolvers<string>();
    codes.set(address, known);
    return known;
  }
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    onData(stream, session, done) {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        const code = /^\s*(\d{6})\s*$/m.exec(Buffer.concat(parts).toString())?.[1];
        if (code !== undefined) for (const { address } of session.envelope.rcptTo) slot(address).resolve(code);
        done();
      });
    },
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    async codeFor(address) {
      const { promise, reject } = slot(address);
      const timer = setTimeout(() => reject(new Error(`no mail with a code came for ${address}`)), PATIENCE);
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        codes.delete(address);
      }
    },
  };
}
