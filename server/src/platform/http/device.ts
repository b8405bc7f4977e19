import Bowser from 'bowser';
import { LRUCache } from 'lru-cache';

/** The client of a session, as shown to its user. Without a version, which changes while the client stays the same. */
export interface Device {
  browser: string | null;
  os: string | null;
  kind: 'desktop' | 'mobile' | 'tablet' | 'bot' | 'other';
}

/** Characters of a User-Agent that are parsed; real ones are shorter than 300. */
const USER_AGENT_LIMIT = 512;
/** Number of remembered User-Agents; some 1 MB at most. */
const REMEMBERED = 2000;
/** `curl/8.1`, `okhttp/4.12.0`, `undici`: the first product of RFC 9110, 10.1.5. No dots, so that it is never shown as a link. */
const PRODUCT = /^([A-Za-z][A-Za-z0-9_-]{0,31})(?:$|[/ ;(])/;
/** For an unknown browser, the library repeats the header; only its own names may reach a page or a mail. */
const BROWSERS = new Set(Object.values(Bowser.BROWSER_MAP));
const BOT = /bot\b|crawler|spider/i;

const remembered = new LRUCache<string, Device>({ max: REMEMBERED });

/** Parses a User-Agent header. It is the client's own claim: it distinguishes devices, and proves nothing. */
export function parseDevice(userAgent: string): Device {
  const text = userAgent.slice(0, USER_AGENT_LIMIT).trim();
  const known = remembered.get(text);
  if (known) return known;
  const device = Object.freeze(read(text));
  remembered.set(text, device);
  return device;
}

function read(text: string): Device {
  // All browsers, and clients that imitate one, begin so.
  if (!/^(?:Mozilla|Opera)\//.test(text)) {
    return { browser: PRODUCT.exec(text)?.[1] ?? null, os: null, kind: BOT.test(text) ? 'bot' : 'other' };
  }
  const { browser, os, platform } = Bowser.parse(text);
  return {
    browser: browser.name && BROWSERS.has(browser.name) ? browser.name : null,
    os: os.name || null,
    kind: kindOf(platform.type),
  };
}

function kindOf(type: string | undefined): Device['kind'] {
  return type === 'desktop' || type === 'mobile' || type === 'tablet' || type === 'bot' ? type : 'other';
}

/** Whether two clients may be the same: equal browser, operating system and kind. */
export function sameDevice(a: Device, b: Device): boolean {
  return a.browser === b.browser && a.os === b.os && a.kind === b.kind;
}

/** Whether the client says that it is a browser. */
export function isBrowser({ os, kind }: Device): boolean {
  return os !== null && kind !== 'bot';
}

/** What a tablet calls its system depends on whether it asks for desktop pages, which many do by the width of the window. */
const SYSTEMS: Record<string, string> = { iOS: 'Apple', macOS: 'Apple', Android: 'Linux', Linux: 'Linux' };

/** Whether two clients may be one browser: equal make and system, whatever the window looks like. */
export function sameBrowser(a: Device, b: Device): boolean {
  if (!isBrowser(a) || !isBrowser(b) || systemOf(a) !== systemOf(b)) return false;
  if (a.browser === b.browser) return true;
  // Browsers of other makers on an iPad call themselves Safari on a Mac when they ask for desktop pages.
  return a.os !== b.os && [a, b].some(({ browser, os }) => browser === 'Safari' && os === 'macOS');
}

const systemOf = ({ os }: Device): string | null => (os === null ? null : (SYSTEMS[os] ?? os));

/** A phrase for users: "Firefox on Linux", "curl", "an unknown device". */
export function describeDevice(device: Device): string {
  if (device.browser && device.os) return `${device.browser} on ${device.os}`;
  return device.browser ?? device.os ?? 'an unknown device';
}
