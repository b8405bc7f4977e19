import { answerCalls } from '../lib/calls.ts';
import { createHttpClient, expectStatus, type Send } from '../lib/http.ts';
import { type MailSink, openMailSink } from '../lib/mail-sink.ts';
import { type Crowd, emailOf, PASSWORD } from '../lib/people.ts';
import { register } from '../lib/registration.ts';
import { median } from '../lib/statistics.ts';

export interface AccountsRound {
  url: string;
  registrations: number;
  logins: number;
  crowd: Crowd;
  people: number;
}

/** Medians in milliseconds. */
export interface AccountsResult {
  registration: number;
  login: number;
}

let sink: MailSink;
let newcomers = 0;
let turn = 0;

async function login(send: Send, email: string): Promise<number> {
  const body = { login: email, password: PASSWORD, tokenTransport: 'body' };
  const answer = await send('POST', '/api/v1/auth/login', { body });
  expectStatus(answer, 200);
  return answer.took;
}

answerCalls({
  /** Opens the mail server; answers its `SMTP_URL`. */
  async open(): Promise<string> {
    sink = await openMailSink();
    return sink.url;
  },

  async round({ url, registrations, logins, crowd, people }: AccountsRound): Promise<AccountsResult> {
    const send = createHttpClient(url);
    const times = { registration: [] as number[], login: [] as number[] };
    for (let index = 0; index < registrations; index++) {
      const email = `newcomer${newcomers++}.${crowd}@newcomers.example.org`;
      times.registration.push(await register(send, sink, email));
    }
    for (let index = 0; index < logins; index++) {
      times.login.push(await login(send, emailOf(crowd, 1 + (turn++ % people))));
    }
    return { registration: median(times.registration), login: median(times.login) };
  },
});
