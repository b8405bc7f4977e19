import { Type } from 'typebox';

export const GUARDED_PATH = '/api/v1/bench/guarded';
/** The same behind a permission, which keys can be limited to. */
export const PERMITTED_PATH = '/api/v1/bench/permitted';
export const ME_PATH = '/api/v1/users/me';

/** What a route without a read of its own answers, here and there. */
export const CONSTANT = { status: 'ok', message: 'nothing was read for this' };

export const constantSchema = Type.Object({ status: Type.String(), message: Type.String() });
/** The same behind a permission. */
export const PERMITTED_ME_PATH = '/api/v1/bench/me';
