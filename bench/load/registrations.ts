import { answerCalls } from '../lib/calls.ts';
import { createHttpClient } from '../lib/http.ts';
import { type MailSink, openMailSink } from '../lib/mail-sink.ts';
import { register } from '../lib/registration.ts';
import type { RequestsResult } from './requests.ts';

export interface RegistrationsRound {
  url: string;
  seconds: number;
  /** Registrations under way at a time, those that wait for their mail included. */
  clients: number;
}

let sink: MailSink;
let newcomers = 0;

answerCalls({
  /** Opens the mail server; answers its `SMTP_URL`. */
  async open(): Promise<string> {
    sink = await openMailSink();
    return sink.url;
  },

  /** Registers one newcomer after another, both requests each; answers how many have an account. */
  async round({ url, seconds, clients }: RegistrationsRound): Promise<RequestsResult> {
    const send = createHttpClient(url);
    const started = performance.now();
    const until = started + seconds * 1000;
    let requests = 0;
    async function registerRepeatedly() {
      while (performance.now() < until) {
        await register(send, sink, `newcomer${newcomers++}@newcomers.example.org`);
        requests++;
      }
    }
    await Promise.all(Array.from({ length: clients }, registerRepeatedly));
    return { requests, duration: (performance.now() - started) / 1000 };
  },
});
