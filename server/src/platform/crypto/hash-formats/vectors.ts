/** A password hash of other software, and its password. */
export interface Vector {
  name: string;
  password: string;
  stored: string;
}

const MADE = 'lètmein ✓';

/** Made with Python 3.11: `hashlib` and `hmac`, `crypt` (libxcrypt) for bcrypt, and werkzeug 3.1 itself for its formats. */
export const madeWithPython: Vector[] = [
  {
    name: 'passlib sha1',
    password: MADE,
    stored: '$pbkdf2-sha1$1500$8PHy8/T19vf4.fr7/P3./w$zZdzEWYoqv7o6fMlX0l9OnV7Efc',
  },
  {
    name: 'phc sha1',
    password: MADE,
    stored: '$pbkdf2-sha1$i=1500,l=20$8PHy8/T19vf4+fr7/P3+/w$zZdzEWYoqv7o6fMlX0l9OnV7Efc',
  },
  {
    name: 'passlib sha256',
    password: MADE,
    stored: '$pbkdf2-sha256$1500$8PHy8/T19vf4.fr7/P3./w$SvMzeosULn6pa5RXeWvipCK1EUam8RppT0Hd1SHm0ck',
  },
  {
    name: 'phc sha256',
    password: MADE,
    stored: '$pbkdf2-sha256$i=1500,l=32$8PHy8/T19vf4+fr7/P3+/w$SvMzeosULn6pa5RXeWvipCK1EUam8RppT0Hd1SHm0ck',
  },
  {
    name: 'passlib sha512',
    password: MADE,
    stored:
      '$pbkdf2-sha512$1500$8PHy8/T19vf4.fr7/P3./w$2fadjcHP7q7XdztaPacvC0b0UGyChRz5JoV6xbSg4VDL.UouHDjJQZTF2QFDztAW2ze4gxy3fJy.dC4IIIDBfw',
  },
  {
    name: 'phc sha512',
    password: MADE,
    stored:
      '$pbkdf2-sha512$i=1500,l=64$8PHy8/T19vf4+fr7/P3+/w$2fadjcHP7q7XdztaPacvC0b0UGyChRz5JoV6xbSg4VDL+UouHDjJQZTF2QFDztAW2ze4gxy3fJy+dC4IIIDBfw',
  },
  {
    name: 'passlib sha1 short',
    password: MADE,
    stored: '$pbkdf2$1500$8PHy8/T19vf4.fr7/P3./w$zZdzEWYoqv7o6fMlX0l9OnV7Efc',
  },
  { name: 'django sha1', password: MADE, stored: 'pbkdf2_sha1$1500$seasalt$aLfjdKBUk0xttzINQDPaWchO8Cg=' },
  {
    name: 'django sha256',
    password: MADE,
    stored: 'pbkdf2_sha256$1500$seasalt$1KeiUaWDCgl3Q8l9tExA9B7HY5t5sP/XjhsPNO4UPCQ=',
  },
  {
    name: 'scrypt',
    password: MADE,
    stored: '$scrypt$ln=10,r=8,p=2$8PHy8/T19vf4+fr7/P3+/w$IKijlCWEjhUqZScC1rVBXHomyBIcPXNBSbLtifsssDs',
  },
  {
    name: 'django scrypt',
    password: MADE,
    stored:
      'scrypt$1024$seasalt$8$1$qz/hhceIH2rPGiwEB1ggs0Pme4V8brKjKX9s8Mz/rHpJGmii/tyZTaUD1i9v9lnC99fzP56Xs+R/STfh9hM9Gg==',
  },
  {
    name: 'werkzeug pbkdf2:sha256:1500',
    password: MADE,
    stored: 'pbkdf2:sha256:1500$nHDoyF2IepPlmmUI$f65b72f2543b835e814ac4877647a00438ff11fa0d477fc1ecb8aef2a05e97dc',
  },
  {
    name: 'werkzeug pbkdf2:sha1:1500',
    password: MADE,
    stored: 'pbkdf2:sha1:1500$ZY7h85VqBAog1ONo$e6af99d003bc74cab9849bff5829f17cb7a92513',
  },
  {
    name: 'werkzeug pbkdf2:sha512:1500',
    password: MADE,
    stored:
      'pbkdf2:sha512:1500$E5DfDHKzYZh1urJG$ef9f483303dedb7a2396bf569a447d130665b090de5c1eb60ce707d5faf10b223930b51e59eaf12ff58ac490b99477fcdb952a74eaaabe3cbc057f031aa06cb4',
  },
  {
    name: 'werkzeug scrypt:1024:8:1',
    password: MADE,
    stored:
      'scrypt:1024:8:1$Owf9FVN4d5WKc278$902a631c2495e6265999c99c440cbc1b68e9df916ff88f3bce828abca232ad15fa842d8224ce46873c5c1dd99655c362571f2fe177bd4d05f35923ed62baab6b',
  },
  { name: 'bcrypt 2a', password: MADE, stored: '$2a$04$abcdefghijklmnopqrstuuKtPzLr5k8g4ww3e2ip28ID6lLn6mQBq' },
  { name: 'bcrypt 2b', password: MADE, stored: '$2b$04$abcdefghijklmnopqrstuuKtPzLr5k8g4ww3e2ip28ID6lLn6mQBq' },
  { name: 'bcrypt 2y', password: MADE, stored: '$2y$04$abcdefghijklmnopqrstuuKtPzLr5k8g4ww3e2ip28ID6lLn6mQBq' },
  {
    name: 'django bcrypt',
    password: MADE,
    stored: 'bcrypt$$2b$04$abcdefghijklmnopqrstuuKtPzLr5k8g4ww3e2ip28ID6lLn6mQBq',
  },
  {
    name: 'django bcrypt_sha256',
    password: MADE,
    stored: 'bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuit1Vm1jrX54Z1mRbViSQa/y658MvtiS',
  },
  {
    name: 'passlib bcrypt-sha256 v1',
    password: MADE,
    stored: '$bcrypt-sha256$2a,4$abcdefghijklmnopqrstuu$6xXwPxLg3sBxh3iHlgc/5drRYX6659O',
  },
  {
    name: 'passlib bcrypt-sha256 v2',
    password: MADE,
    stored: '$bcrypt-sha256$v=2,t=2b,r=4$abcdefghijklmnopqrstuu$4fp6LJyCZp6V5aNH6cwjIKckfVIbppi',
  },
];

/** Of `o'neill "\"` as WordPress escapes it, by `hashlib`, `hmac` and libxcrypt. */
export const slashed = {
  phpass: '$P$9abcdefgh719754P6JG1SCXZEi0lqI.',
  bcrypt: '$wp$2y$04$abcdefghijklmnopqrstuuGm3xq4kbk/vOVtl.lcdzkJW7xgoYSbW',
};
/** bcrypt of 72 × `a` and a `b`, by libxcrypt. */
export const bcryptOf73 = '$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe';
/** Of full-width `Ａ` and `ngstrom` as it is, and of its NFKC form `Angstrom`; hashlib. */
export const ofRawForm = '$pbkdf2-sha256$1500$8PHy8/T19vf4.fr7/P3./w$uiZKPgg7Is7CFaLrun1nfL940v48WNkqCPFxC7gj158';
export const ofNfkcForm = '$pbkdf2-sha256$1500$8PHy8/T19vf4.fr7/P3./w$MlpTu3QbcOlB6fYgr/XhOFlQ3UTqE7zOpDLJ4QX2BO0';

/**
 * Published by the projects, in the tests of passlib 1.7, Django, hashcat, John the Ripper, the argon2 reference implementation, ASP.NET Core,
 * Firebase and phpass, and two in public guides.
 */
export const published: Vector[] = [
  {
    name: 'argon2 reference: i, version 16',
    password: 'password',
    stored: '$argon2i$v=16$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY',
  },
  {
    name: 'argon2 reference: i, version 19',
    password: 'password',
    stored: '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA',
  },
  {
    name: 'argon2 reference: id',
    password: 'password',
    stored: '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4',
  },
  {
    name: 'Django: argon2i without version',
    password: 'secret',
    stored:
      'argon2$argon2i$m=8,t=1,p=1$c29tZXNhbHQ$gwQOXSNhxiOxPOA0+PY10P9QFO4NAYysnqRt1GSQLE55m+2GYDt9FEjPMHhP2Cuf0nOEXXMocVrsJAtNSsKyfg',
  },
  {
    name: 'Django: argon2i, 16 bytes',
    password: 'secret',
    stored: 'argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q',
  },
  {
    name: 'Django: argon2id, 8 lanes',
    password: 'secret',
    stored: 'argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw',
  },
  {
    name: 'Django: pbkdf2_sha256',
    password: 'lètmein',
    stored: 'pbkdf2_sha256$390000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c=',
  },
  {
    name: 'Django: scrypt',
    password: 'lètmein',
    stored:
      'scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==',
  },
  {
    name: 'John the Ripper: bcrypt',
    password: 'U*U*U*U*',
    stored: '$2a$05$c92SVSfjeiCD6F2nAD6y0uBpJDjdRkt0EgeC4/31Rf2LUZbDRDE.O',
  },
  {
    name: 'passlib: bcrypt-sha256, version 1, 2a',
    password: 'password',
    stored: '$bcrypt-sha256$2a,5$5Hg1DKFqPE8C2aflZ5vVoe$12BjNE0p7axMg55.Y/mHsYiVuFBDQyu',
  },
  {
    name: 'passlib: bcrypt-sha256, version 1, 2b',
    password: 'password',
    stored: '$bcrypt-sha256$2b,5$5Hg1DKFqPE8C2aflZ5vVoe$12BjNE0p7axMg55.Y/mHsYiVuFBDQyu',
  },
  {
    name: 'passlib: bcrypt-sha256, version 2',
    password: 'password',
    stored: '$bcrypt-sha256$v=2,t=2b,r=5$5Hg1DKFqPE8C2aflZ5vVoe$wOK1VFFtS8IGTrGa7.h5fs0u84qyPbS',
  },
  {
    name: 'hashcat: bcrypt-sha256, version 2',
    password: 'hashcat',
    stored: '$bcrypt-sha256$v=2,t=2b,r=12$KSOjON/ciJR86a00N5q61.$AmWZucQuHk13FGkQWhgMeiFvBfm2GCy',
  },
  {
    name: 'passlib: pbkdf2 (SHA-1)',
    password: 'password',
    stored: '$pbkdf2$1212$OB.dtnSEXZK8U5cgxU/GYQ$y5LKPOplRmok7CZp/aqVDVg8zGI',
  },
  {
    name: 'passlib: pbkdf2-sha256',
    password: 'password',
    stored: '$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ',
  },
  {
    name: 'passlib: pbkdf2-sha512',
    password: 'password',
    stored:
      '$pbkdf2-sha512$1212$RHY0Fr3IDMSVO/RSZyb5ow$eNLfBK.eVozomMr.1gYa17k9B7KIK25NOEshvhrSX.esqY3s.FvWZViXz4KoLlQI.BzY/YTNJOiKc5gBYFYGww',
  },
  {
    name: 'passlib, from the scrypt paper: no salt',
    password: '',
    stored: '$scrypt$ln=4,r=1,p=1$$d9ZXYjhleyA7GcpCwYoEl/FrSETjB0ro39/6P+3iFEI',
  },
  {
    name: 'passlib, from the scrypt paper: NaCl',
    password: 'password',
    stored: '$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWI',
  },
  {
    name: 'passlib: scrypt, two lanes',
    password: 'nacl',
    stored: '$scrypt$ln=1,r=4,p=2$yhnD+J+Tci4lZCwFgHCuVQ$fAsEWmxSHuC0cHKMwKVFPzrQukgvK09Sj+NueTSxKds',
  },
  {
    name: 'ASP.NET Core Identity, its own test: version 3, SHA-256',
    password: 'my password',
    stored: 'AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==',
  },
  {
    name: 'ASP.NET Core Identity, its own test: version 3, SHA-512, digest of 16 bytes',
    password: 'my password',
    stored: 'AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw',
  },
  {
    name: 'ASP.NET Core Identity, its own test: version 2',
    password: 'my password',
    stored: 'AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg==',
  },
  {
    name: 'Firebase: the example of its scrypt program',
    password: 'user1password',
    stored:
      '$firebase-scrypt$ln=14,r=8,s=Bw==,k=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==',
  },
  { name: 'phpass, its own test', password: 'test12345', stored: '$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0' },
  { name: 'John the Ripper: phpBB 3', password: 'test1', stored: '$H$9aaaaaSXBjgypwqm.JsMssPLiS8YQ00' },
  { name: 'FusionAuth: WordPress', password: '!?!#?#?#$&@&@!&@', stored: '$P$Buvd5FQxkeXJnDarN7..wRMwRKJeZ40' },
  {
    name: 'WordPress 6.8, from a public migration guide',
    password: 'test123',
    stored: '$wp$2y$10$v719Zyb/5DiglXjaGmtVoO.58ZfZLBkfIyjXnYyIbWYYFsofeucua',
  },
  { name: 'OpenLDAP slappasswd', password: 'fargle', stored: '{SSHA}FM6N1jTf/0PflNiYX1GDVd0V3b/acp0w' },
];
