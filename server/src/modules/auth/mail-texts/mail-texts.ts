import type { Block } from '../mail-layout.ts';

/** What a mail says: a subject, which is a constant, and its blocks. Nobody but us writes what stands in an inbox. */
export interface Words {
  subject: string;
  blocks: readonly Block[];
}

/** The facts of what happened, ready to be shown. Null: unknown; a country that is null is left out. */
export interface Facts {
  time: string;
  device: string | null;
  ip: string | null;
  country: string | null;
}

/** All that we write to people, in one language. Values come in as they are to be shown. */
export interface MailTexts {
  /** BCP 47; also what times and countries are written in. */
  language: string;
  /** Between the name of a fact and the fact. */
  colon: string;
  /** Null: without a name. */
  greeting(name: string | null): string;
  verificationCode(values: { code: string; minutes: number; hello: string }): Words;
  addressKnown(values: { signInUrl: string | null }): Words;
  welcome(values: { url: string | null; hello: string }): Words;
  resetLink(values: { url: string; minutes: number | null }): Words;
  invitation(values: { url: string; days: number; hello: string }): Words;
  emailChangeCode(values: { code: string; minutes: number }): Words;
  emailChangeTaken(): Words;
  emailChanged(values: { address: string; time: string }): Words;
  emailChangedNew(values: Facts): Words;
  passwordChanged(values: Facts): Words;
  newDevice(values: Facts): Words;
  signInBlocked(values: Facts): Words;
  sessionKilled(values: Facts): Words;
  accountDeleted(values: { day: string }): Words;
}
