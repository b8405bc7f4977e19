import { DAY } from '../../platform/clock.ts';
import type { Mail, Occasion } from '../mails/mail.ts';
import type { Circumstances } from '../mails/phrases.ts';
import type { ApiKeyRecord } from './api-key-store.ts';

export interface KeyMailDeps {
  /** The owner who is written to, and the key; null: there is none any more. */
  find(keyId: string): Promise<{ key: ApiKeyRecord; owner: { email: string | null; locale: string | null } } | null>;
}

interface About {
  /** How its owner called the key. */
  name: string;
  isOwn: boolean;
  circumstances: Circumstances;
}

async function about({ targetId, circumstances }: Occasion, { find }: KeyMailDeps) {
  const found = await find(targetId);
  if (found === null) return null;
  const { key, owner } = found;
  const values: About & { key: ApiKeyRecord } = { name: key.name, isOwn: key.kind === 'pat', circumstances, key };
  return { to: owner.email, locale: owner.locale, values };
}

const nameEn = ({ name }: About) => ({ facts: [['Key', name]] as [string, string][] });
const nameZh = ({ name }: About) => ({ facts: [['密钥', name]] as [string, string][] });

/** Mailed after a key was made or got another secret: whoever has a session could have done it. */
export const keyMade: Mail<KeyMailDeps, About & { isRotated: boolean }> = {
  on: ['api_key.created', 'api_key.rotated'],
  name: 'owner',
  async letter(occasion, deps) {
    const letter = await about(occasion, deps);
    return letter && { ...letter, values: { ...letter.values, isRotated: occasion.event.type === 'api_key.rotated' } };
  },
  texts: {
    en: (values, { hello, happened }) => ({
      subject: values.isRotated ? 'An API key was rotated' : 'A new API key was made',
      blocks: [
        hello(),
        {
          says: values.isOwn
            ? `${values.isRotated ? 'an API key of your account got a new secret' : 'an API key was made for your account'}. Programs use it in your name.`
            : `${values.isRotated ? 'an API key got a new secret' : 'an API key was made'} for a service account that you own.`,
        },
        nameEn(values),
        happened(values.circumstances),
        { says: 'If this should not have happened, revoke the key now, and end your other sessions.' },
      ],
    }),
    zh: (values, { hello, happened }) => ({
      subject: values.isRotated ? '密钥已轮换' : '已创建新的密钥',
      blocks: [
        hello(),
        {
          says: values.isOwn
            ? `${values.isRotated ? '您账号的一个 API 密钥已更换' : '已为您的账号创建一个 API 密钥'}。程序可用它以您的名义操作。`
            : `您负责的服务账号${values.isRotated ? '的一个 API 密钥已更换' : '有了新的 API 密钥'}。`,
        },
        nameZh(values),
        happened(values.circumstances),
        { says: '如果这不是您所期望的，请立即撤销该密钥，并结束您的其他会话。' },
      ],
    }),
  },
};

/** Mailed 14, 3 and 1 days before a key ends. */
export const keyExpiring: Mail<KeyMailDeps, About & { expiresAt: Date }> = {
  on: ['api_key.expiring'],
  name: 'owner',
  async letter(occasion, deps) {
    const letter = await about(occasion, deps);
    if (letter === null) return null;
    const { key } = letter.values;
    // Revoked or rotated to a later end since.
    const left = key.expiresAt.getTime() - occasion.event.at.getTime();
    if (key.revokedAt !== null || left > 15 * DAY) return null;
    return { ...letter, values: { ...letter.values, expiresAt: key.expiresAt } };
  },
  texts: {
    en: (values, { hello, time }) => ({
      subject: 'An API key is about to expire',
      blocks: [
        hello(),
        {
          says: `an API key ${values.isOwn ? 'of your account' : 'of a service account that you own'} ends soon. Programs that use it will be refused then.`,
        },
        {
          facts: [
            ['Key', values.name],
            ['Ends', time(values.expiresAt)],
          ],
        },
        { says: 'Rotate it to a later end if it is still needed; the old and the new secret can work side by side.' },
      ],
    }),
    zh: (values, { hello, time }) => ({
      subject: '密钥即将到期',
      blocks: [
        hello(),
        { says: `${values.isOwn ? '您账号' : '您负责的服务账号'}的一个 API 密钥即将到期。届时使用它的程序将被拒绝。` },
        {
          facts: [
            ['密钥', values.name],
            ['到期时间', time(values.expiresAt)],
          ],
        },
        { says: '如果仍需使用，请轮换并设置更晚的到期时间；新旧密钥可以同时生效一段时间。' },
      ],
    }),
  },
};

/** Mailed when a key is first used from a network. */
export const keyInNewNetwork: Mail<KeyMailDeps, About> = {
  on: ['api_key.used_from_new_network'],
  name: 'owner',
  letter: about,
  texts: {
    en: (values, { hello, happened }) => ({
      subject: 'An API key was used from a new network',
      blocks: [
        hello(),
        {
          says: `an API key ${values.isOwn ? 'of your account' : 'of a service account that you own'} was used from a network that we have not seen with it before.`,
        },
        nameEn(values),
        happened(values.circumstances),
        { says: 'If your program runs there, all is well. If not, somebody has a copy of the key: revoke it now.' },
      ],
    }),
    zh: (values, { hello, happened }) => ({
      subject: '密钥在新的网络中被使用',
      blocks: [
        hello(),
        { says: `${values.isOwn ? '您账号' : '您负责的服务账号'}的一个 API 密钥在我们未曾见过的网络中被使用。` },
        nameZh(values),
        happened(values.circumstances),
        { says: '如果您的程序在该网络中运行，则一切正常。否则说明有人复制了密钥，请立即撤销。' },
      ],
    }),
  },
};

/** Mailed when a genuine key came from outside of the networks that it is limited to. */
export const keyRefused: Mail<KeyMailDeps, About> = {
  on: ['api_key.network_refused'],
  name: 'owner',
  letter: about,
  texts: {
    en: (values, { hello, happened }) => ({
      subject: 'An API key was refused outside of its networks',
      blocks: [
        hello(),
        {
          says: `somebody sent an API key ${values.isOwn ? 'of your account' : 'of a service account that you own'} from outside of the networks that it is limited to. We refused it.`,
        },
        nameEn(values),
        happened(values.circumstances),
        {
          says: 'If your program has moved, make a key for its new network. If not, somebody has a copy of the key: revoke it.',
        },
      ],
    }),
    zh: (values, { hello, happened }) => ({
      subject: '密钥在允许的网络之外被拒绝',
      blocks: [
        hello(),
        {
          says: `有人在允许的网络之外使用了${values.isOwn ? '您账号' : '您负责的服务账号'}的一个 API 密钥，我们已拒绝该请求。`,
        },
        nameZh(values),
        happened(values.circumstances),
        { says: '如果您的程序已迁移，请为新的网络创建密钥。否则说明有人复制了密钥，请撤销它。' },
      ],
    }),
  },
};

/** Mailed after somebody reported that a key is public. */
export const keyReported: Mail<KeyMailDeps, About> = {
  on: ['api_key.revoked'],
  name: 'owner',
  when: ({ data }) => data.reason === 'reported',
  letter: about,
  texts: {
    en: (values, { hello, time }) => ({
      subject: 'An API key was reported as public and revoked',
      blocks: [
        hello(),
        {
          says: `somebody showed us an API key ${values.isOwn ? 'of your account' : 'of a service account that you own'}, so it is not secret any more. We revoked it at once.`,
        },
        {
          facts: [
            ['Key', values.name],
            ['Time', time(values.circumstances.at)],
          ],
        },
        { says: 'Find out where it was published, look through what was done with it, and make a new key.' },
      ],
    }),
    zh: (values, { hello, time }) => ({
      subject: '密钥被举报泄露且已撤销',
      blocks: [
        hello(),
        {
          says: `有人向我们出示了${values.isOwn ? '您账号' : '您负责的服务账号'}的一个 API 密钥，因此它已不再保密。我们已立即将其撤销。`,
        },
        {
          facts: [
            ['密钥', values.name],
            ['时间', time(values.circumstances.at)],
          ],
        },
        { says: '请查明泄露位置，检查它被用来做过什么，然后创建新的密钥。' },
      ],
    }),
  },
};
