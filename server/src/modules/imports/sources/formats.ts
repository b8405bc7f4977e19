import type { Mapping } from './mapping.ts';

/** The names that the usual templates and exports have for the same things, the most telling first. */
const PLAIN: Mapping = {
  table: ['users', 'user', 'accounts', 'User'],
  id: ['id', '_id', 'user_id', 'uuid'],
  fields: {
    email: ['email', 'email_address', 'mail'],
    username: ['username', 'user_name', 'login', 'nickname'],
    fullName: ['fullName', 'full_name', 'display_name', 'displayName', 'name', 'nick_name'],
    phone: ['phone', 'phone_number', 'phoneNumber', 'mobile'],
    locale: ['locale', 'language', 'lang'],
    passwordHash: [
      'passwordHash',
      'hashed_password',
      'password_hash',
      'hashedPassword',
      'encrypted_password',
      'password',
    ],
    roles: ['roles', 'role', 'role_name'],
    emailVerified: [
      'emailVerified',
      'email_verified',
      'is_verified',
      'email_confirmed',
      'verified',
      'email_verified_at',
      'email_confirmed_at',
      'confirmed_at',
    ],
    active: ['active', 'is_active', 'isActive', 'enabled'],
    disabled: ['disabled', 'is_disabled', 'blocked', 'banned', 'is_blocked'],
    deleted: ['deletedAt', 'deleted_at', 'is_deleted', 'deleted'],
    superadmin: ['is_superuser', 'is_super_admin', 'isSuperuser', 'superuser'],
    createdAt: ['createdAt', 'created_at', 'created', 'created_time', 'date_joined', 'registered_at'],
    lastLoginAt: ['lastLoginAt', 'last_login_at', 'last_login', 'last_sign_in_at', 'lastLogin', 'last_login_time'],
  },
};

/** `people`: where they stand in a JSON file that is one object. */
export interface Format {
  mapping: Mapping;
  people?: string;
  /** What the documentation calls it. */
  title: string;
}

const of = (title: string, { fields = {}, ...mapping }: Mapping, people?: string): Format => ({
  title,
  mapping: { ...mapping, fields },
  ...(people !== undefined && { people }),
});

/** The formats that an import knows by name. Each can be read from a database, or from an export of its table as CSV or JSON. */
export const FORMATS = {
  plain: of('the usual names of columns, our own export included', PLAIN),
  keycloak: of(
    'a Keycloak realm',
    {
      fields: {
        email: 'email',
        username: 'username',
        fullName: { join: ['firstName', 'lastName'] },
        phone: ['attributes.phoneNumber.0', 'attributes.phone.0'],
        locale: 'attributes.locale.0',
        emailVerified: 'emailVerified',
        active: 'enabled',
        roles: 'realmRoles',
        createdAt: 'createdTimestamp',
      },
    },
    'users',
  ),
  auth0: of('an Auth0 export', {
    id: ['user_id', '_id'],
    fields: {
      email: 'email',
      username: 'username',
      fullName: 'name',
      phone: 'phone_number',
      locale: 'locale',
      passwordHash: ['passwordHash', 'password_hash', 'custom_password_hash.hash.value'],
      emailVerified: 'email_verified',
      disabled: 'blocked',
      roles: 'app_metadata.roles',
      createdAt: 'created_at',
      lastLoginAt: 'last_login',
    },
  }),
  firebase: of(
    'an export of Firebase Authentication',
    {
      id: 'localId',
      fields: {
        email: 'email',
        fullName: 'displayName',
        phone: 'phoneNumber',
        emailVerified: 'emailVerified',
        disabled: 'disabled',
        roles: ['customAttributes.roles', 'customAttributes.role'],
        createdAt: 'createdAt',
        lastLoginAt: 'lastSignedInAt',
      },
    },
    'users',
  ),
  supabase: of('the table auth.users of Supabase', {
    table: 'auth.users',
    id: 'id',
    fields: {
      email: 'email',
      fullName: ['raw_user_meta_data.full_name', 'raw_user_meta_data.name'],
      phone: 'phone',
      passwordHash: 'encrypted_password',
      emailVerified: ['email_confirmed_at', 'confirmed_at'],
      disabled: 'banned_until',
      deleted: 'deleted_at',
      superadmin: 'is_super_admin',
      // Users can write raw_user_meta_data themselves: a role there means nothing.
      roles: 'raw_app_meta_data.roles',
      createdAt: 'created_at',
      lastLoginAt: 'last_sign_in_at',
    },
  }),
  'better-auth': of('the tables of better-auth', {
    table: 'user',
    id: 'id',
    fields: {
      email: 'email',
      username: 'username',
      fullName: 'name',
      phone: 'phoneNumber',
      emailVerified: 'emailVerified',
      disabled: 'banned',
      roles: 'role',
      createdAt: 'createdAt',
    },
    links: {
      passwordHash: { table: 'account', person: 'userId', value: 'password', where: { providerId: 'credential' } },
    },
  }),
  django: of('the table auth_user of Django', {
    table: 'auth_user',
    id: 'id',
    fields: {
      email: 'email',
      username: 'username',
      fullName: { join: ['first_name', 'last_name'] },
      passwordHash: 'password',
      active: 'is_active',
      superadmin: 'is_superuser',
      createdAt: 'date_joined',
      lastLoginAt: 'last_login',
    },
    links: {
      roles: {
        table: 'auth_user_groups',
        person: 'user_id',
        value: 'group_id',
        through: { table: 'auth_group', id: 'id', value: 'name' },
      },
    },
  }),
  laravel: of('the table users of Laravel', {
    table: 'users',
    id: 'id',
    fields: {
      email: 'email',
      username: 'username',
      fullName: 'name',
      phone: 'phone',
      passwordHash: 'password',
      emailVerified: 'email_verified_at',
      deleted: 'deleted_at',
      roles: 'role',
      createdAt: 'created_at',
    },
  }),
  wordpress: of('the table wp_users of WordPress', {
    table: 'wp_users',
    id: 'ID',
    fields: {
      email: 'user_email',
      username: 'user_login',
      fullName: 'display_name',
      passwordHash: 'user_pass',
      createdAt: 'user_registered',
    },
  }),
  'aspnet-identity': of('the table AspNetUsers of ASP.NET Core Identity', {
    table: 'AspNetUsers',
    id: 'Id',
    fields: {
      email: 'Email',
      username: 'UserName',
      phone: 'PhoneNumber',
      passwordHash: 'PasswordHash',
      emailVerified: 'EmailConfirmed',
      disabled: 'LockoutEnd',
    },
    links: {
      roles: {
        table: 'AspNetUserRoles',
        person: 'UserId',
        value: 'RoleId',
        through: { table: 'AspNetRoles', id: 'Id', value: 'Name' },
      },
    },
  }),
} satisfies Record<string, Format>;

export type FormatName = keyof typeof FORMATS;
