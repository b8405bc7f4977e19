import type { RowDataPacket } from 'mysql2/promise';
import { createConnection } from 'mysql2/promise';
import { findMariadb, launchMariadbWith } from './mariadb.ts';
import type { ReplicatedServer } from './replicated-server.ts';
import { createScratch } from './scratch.ts';

/** A MariaDB with a replica by GTID, both of their own, on 127.0.0.1; null where none is installed. */
export async function launchReplicatedMariadb(): Promise<ReplicatedServer | null> {
  if (findMariadb() === null) return null;
  const scratches = [createScratch(), createScratch()] as const;
  const stop = async () => {
    await Promise.all(scratches.map((scratch) => scratch.end()));
  };
  try {
    const [primary, replica] = await Promise.all([
      launchMariadbWith(scratches[0], {
        durable: false,
        settings: ['--server-id=1', '--log-bin=log', '--binlog-format=row'],
      }),
      launchMariadbWith(scratches[1], { durable: false, settings: ['--server-id=2'] }),
    ]);
    if ('missing' in primary || 'missing' in replica) throw new Error('MariaDB went missing');
    const [row] = await execute(primary.url, 'select @@gtid_binlog_pos as position');
    const { hostname, port, username, password } = new URL(primary.url);
    // Each has already created its own users: replication starts after that.
    await execute(replica.url, `set global gtid_slave_pos = '${row?.position}'`);
    await execute(
      replica.url,
      `change master to master_host = '${hostname}', master_port = ${port}, master_user = '${username}',
        master_password = '${password}', master_use_gtid = slave_pos, master_connect_retry = 1`,
    );
    await execute(replica.url, 'start slave');
    return {
      primary: primary.url,
      replica: replica.url,
      stop,
      async pause() {
        await execute(replica.url, 'stop slave sql_thread');
      },
      async resume() {
        await execute(replica.url, 'start slave sql_thread');
      },
      kill: () => scratches[1].end(),
      restart: null,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function execute(url: string, sql: string): Promise<RowDataPacket[]> {
  const connection = await createConnection({ uri: url });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return rows;
  } finally {
    await connection.end();
  }
}
