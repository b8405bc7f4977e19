/** A person as a source has them: nothing is checked yet. */
export interface ImportedPerson {
  /** What the source knows the person by. */
  id: string;
  email: string | null;
  username: string | null;
  fullName: string | null;
  phone: string | null;
  locale: string | null;
  emailVerified: boolean;
  isDisabled: boolean;
  /** Deleted there, with a row that is still left. */
  isDeleted: boolean;
  /** Names of roles, as they are there. */
  roles: string[];
  isSuperadmin: boolean;
  createdAt: Date | null;
  lastLoginAt: Date | null;
  /** The password hash, in the form of the source. */
  passwordHash: string | null;
}

/** A place in a source after which it can be read on: JSON. */
export type Position = string | number;

/** What a source has at one place: a person, or something that is none. */
export type SourceRow = {
  position: Position;
  /** For whoever looks it up: `line 17`, `id 5`. Never an address or a name. */
  place: string;
} & ({ person: ImportedPerson } | { fault: string });

/** Where people come from. Rows are read as they are asked for, so that memory does not grow. */
export interface Source {
  /** Changes with the content that positions refer to; a position of another fingerprint is not used. */
  fingerprint: string;
  /** The rows after a position, in an order that does not change. */
  rows(after: Position | null): AsyncIterable<SourceRow>;
  /** How much of it was read, from 0 to 1; null: unknown. */
  progress(): number | null;
  close(): Promise<void>;
}

/** Something is wrong with the source as a whole, or with how it was described; the message is for the operator. */
export class ImportFailed extends Error {
  override readonly name = 'ImportFailed';
}
