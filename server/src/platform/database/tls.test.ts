import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDatabaseUrl, type ServerTarget } from './url.ts';

const modeOf = (url: string) => (readDatabaseUrl(url) as ServerTarget).tls?.mode ?? null;

/** Per product and mode: the queries that mean it, as providers and other clients write them. */
const WORDS = {
  postgres: {
    'verify-full':
      'sslmode=require sslmode=prefer sslmode=allow sslmode=verify-full ssl=require ssl=true ssl=1 ssl=on tls=true SSLMODE=Require sslmode=require&channel_binding=require sslmode=verify-full&sslrootcert=system sslrootcert=/x.pem sslmode=require&sslrootcert=/x.pem sslaccept=strict ssl={"rejectUnauthorized":true}',
    'verify-ca': 'sslmode=verify-ca sslmode=verify-ca&sslrootcert=/x.pem ssl=verify-ca',
    'no-verify':
      'sslmode=no-verify ssl=no-verify sslaccept=accept_invalid_certs uselibpqcompat=true&sslmode=require sslmode=require&sslaccept=accept_invalid_certs ssl={"rejectUnauthorized":false}',
    off: 'sslmode=disable ssl=false ssl=0 ssl=off tls=false ssl=disable',
    null: 'application_name=x connect_timeout=10 pgbouncer=true&connection_limit=1',
  },
  mysql: {
    'verify-full':
      'ssl-mode=REQUIRED ssl-mode=PREFERRED sslMode=VERIFY_IDENTITY ssl_mode=required sslmode=require tls=true tls=preferred useSSL=true requireSSL=true ssl=true ssl={"rejectUnauthorized":true} ssl={} sslaccept=strict ssl_verify_cert=true&ssl_verify_identity=true ssl-verify-server-cert=1 ssl-ca=/x.pem useSSL=true&verifyServerCertificate=true',
    'verify-ca': 'ssl-mode=VERIFY_CA sslMode=verify_ca&ssl-ca=/x.pem',
    'no-verify':
      'tls=skip-verify useSSL=true&requireSSL=true&verifyServerCertificate=false ssl={"rejectUnauthorized":false} sslaccept=accept_invalid_certs',
    off: 'ssl-mode=DISABLED useSSL=false tls=false ssl=false sslMode=disabled',
    null: 'connectTimeout=10',
  },
};

for (const [scheme, modes] of Object.entries(WORDS)) {
  describe(`TLS in URLs of ${scheme}`, () => {
    for (const [mode, queries] of Object.entries(modes)) {
      it(`is ${mode}`, () => {
        for (const query of queries.split(' ')) {
          assert.equal(String(modeOf(`${scheme}://u:p@db/x?${encodeURI(query)}`)), mode, query);
        }
      });
    }

    it('is refused where it is not understood, or contradicts itself', () => {
      for (const query of [
        'sslmode=requird',
        'ssl=maybe',
        'ssl=Amazon RDS',
        'tls=custom',
        'sslmode=',
        'sslmode=disable&ssl=true',
        'sslmode=disable&sslrootcert=/x.pem',
        'sslkey=/x.pem',
        'sslmode=require&sslkey=/x.pem',
        'ssl={"rejectUnauthorized":"no"}',
        'ssl={"ca":"x"}',
        'sslcrl=/x.pem',
      ]) {
        assert.throws(() => modeOf(`${scheme}://u:p@db/x?${encodeURI(query)}`), TypeError, query);
      }
    });
  });
}

it('channel binding and TLS from the first byte ask for TLS', () => {
  for (const query of ['channel_binding=require', 'sslnegotiation=direct', 'channel_binding=maybe']) {
    assert.throws(() => modeOf(`postgres://h/d?${query}`), TypeError, query);
  }
  const { postgres } = readDatabaseUrl(
    'postgres://h/d?sslmode=require&channel_binding=require&sslnegotiation=direct',
  ) as ServerTarget;
  assert.deepEqual([postgres?.channelBinding, postgres?.isDirectTls], [true, true]);
});
