import { type Static, Type } from 'typebox';
import type { Fault } from '../../../platform/errors.ts';
import { createValidatorCompiler } from '../../../platform/http/validation.ts';
import { describeFaults } from '../../../platform/http/validation-faults.ts';
import { ImportFailed } from '../imported-person.ts';

const closed = { additionalProperties: false } as const;
const name = Type.String({ minLength: 1, maxLength: 200 });

/** Where a value stands: a column or path (`profile.name`), the first that is filled of several, or several joined by blanks. */
const place = Type.Union([
  name,
  Type.Array(name, { minItems: 1 }),
  Type.Object({ join: Type.Array(name, { minItems: 1 }) }, closed),
]);
/** The same, or what holds for everybody. */
const fact = Type.Union([place, Type.Boolean()]);

const fields = Type.Object(
  {
    email: Type.Optional(place),
    username: Type.Optional(place),
    fullName: Type.Optional(place),
    phone: Type.Optional(place),
    locale: Type.Optional(place),
    passwordHash: Type.Optional(place),
    /** Roles: a name, names parted by commas, or a list. */
    roles: Type.Optional(place),
    /** True, or a time: when it was verified. */
    emailVerified: Type.Optional(fact),
    active: Type.Optional(fact),
    /** True, or a time: until when. */
    disabled: Type.Optional(fact),
    /** True, or a time: when. */
    deleted: Type.Optional(fact),
    superadmin: Type.Optional(fact),
    createdAt: Type.Optional(place),
    lastLoginAt: Type.Optional(place),
  },
  closed,
);

/** Another table that says something about people, such as their roles. */
const link = Type.Object(
  {
    table: name,
    /** Its column with the id of the person. */
    person: name,
    /** Its column with the value, or with the id of a row of `through`. */
    value: name,
    /** A third table: `id` is what `value` refers to, `value` what is read. */
    through: Type.Optional(Type.Object({ table: name, id: name, value: name }, closed)),
    /** Only rows with these values. */
    where: Type.Optional(Type.Record(Type.String(), Type.String())),
  },
  closed,
);

const mappingSchema = Type.Object(
  {
    /** Of a database: the table or collection of people; several: the first that is there. */
    table: Type.Optional(Type.Union([name, Type.Array(name, { minItems: 1 })])),
    id: Type.Optional(place),
    fields: Type.Optional(fields),
    links: Type.Optional(Type.Object({ roles: Type.Optional(link), passwordHash: Type.Optional(link) }, closed)),
    /** Codes of roles here, by the names of roles there. */
    roles: Type.Optional(Type.Record(Type.String(), name)),
    firebase: Type.Optional(
      Type.Object(
        {
          signerKey: name,
          saltSeparator: Type.String({ maxLength: 100 }),
          rounds: Type.Integer({ minimum: 1, maximum: 64 }),
          memoryCost: Type.Integer({ minimum: 1, maximum: 20 }),
        },
        closed,
      ),
    ),
  },
  { ...closed, title: 'ImportMapping' },
);

/** How the rows of a source are read. */
export type Mapping = Static<typeof mappingSchema>;
export type Link = Static<typeof link>;
export type Place = Static<typeof place>;

/** The mapping in a JSON text: `readMapping(text)`. Throws `ImportFailed` for whatever it does not know, so that a misspelt field is not ignored. */
export function readMapping(text: string): Mapping {
  let mapping: unknown;
  try {
    mapping = JSON.parse(text);
  } catch (error) {
    throw new ImportFailed(`The mapping is no JSON: ${(error as Error).message}.`);
  }
  const check = createValidatorCompiler()({ schema: mappingSchema, method: 'POST', url: 'mapping', httpPart: 'body' });
  if (check(mapping) === true) return mapping as Mapping;
  const faults: Fault[] = describeFaults(check.errors ?? []);
  throw new ImportFailed(`The mapping is wrong: ${faults.map((fault) => `${fault.path} ${fault.message}`).join(' ')}`);
}

/** What a format says by itself, with what the operator says about it. */
export function mergeMappings(preset: Mapping, own: Mapping): Mapping {
  return {
    ...preset,
    ...own,
    fields: { ...preset.fields, ...own.fields },
    links: { ...preset.links, ...own.links },
  };
}
