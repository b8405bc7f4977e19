/**
 * The path of `PUBLIC_URL`, without a slash at its end: a proxy takes it off each request, so that whatever begins with `/` in an answer
 * must begin with it. Empty where there is none.
 */
export const publicPath = (publicUrl: string): string => new URL(publicUrl).pathname.replace(/\/$/, '');
