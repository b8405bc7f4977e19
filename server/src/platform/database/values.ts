import type { ColumnType } from 'kysely';

/** A time: `Date` on PostgreSQL and MySQL, ISO 8601 text on SQLite. */
export type TimeColumn = ColumnType<Date | string, Date, Date>;
export type NullableTimeColumn = ColumnType<Date | string | null, Date | null, Date | null>;
/** A boolean: 0 or 1 on SQLite and MySQL. */
export type BoolColumn = ColumnType<boolean | number, boolean, boolean>;
/** JSON, which the store writes and reads as text on every database. */
export type JsonColumn = string;

export function toDate(value: Date | string): Date {
  return new Date(value);
}

export function toDateOrNull(value: Date | string | null): Date | null {
  return value === null ? null : new Date(value);
}

/** A value as SQL would return it: nothing undefined, times as text. */
export function asJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}
