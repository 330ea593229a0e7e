import { createHmac, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { BusUser, ListBusUsers, NewBusUserSchema } from '#contracts/calls/bus-users';
import type { QuestionOf } from '#contracts/define-call';
import { type Principal, PrincipalSchema } from '#contracts/principal';
import { conflict } from '#oci/registry-error';
import { Database } from '../database/database';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { hashPassword, isPassword } from './hash-password';
import { SeenPasswords } from './seen-passwords';

interface BusUserRow {
  readonly principal: Principal;
  readonly name: string;
  readonly created_at: Date;
  readonly created_by: Principal;
}

const COLUMNS = 'principal, name, created_at, created_by';
/** Any constant: whoever makes a user takes it, so that they are counted. */
const COUNT_LOCK = 4_211_700_018;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Who may ask on the bus in a name of its own. */
@Injectable()
export class BusUserStore {
  private readonly seen: SeenPasswords;

  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: Pick<MetadataConfig, 'ENTREPOT_BUS_USERS'>,
  ) {
    this.seen = new SeenPasswords(config.ENTREPOT_BUS_USERS);
  }

  /** The password is in this answer, and nowhere else; asked again with that seed, it is the same. Throws CONFLICT. */
  async create(asker: Principal, name: string, seed: string): Promise<z.output<typeof NewBusUserSchema>> {
    const principal = principalOf(seed);
    const password = derive(seed, 'password').subarray(0, 24).toString('base64url');
    const hash = await hashPassword(password, randomBytes(16));
    const row = await this.database.transaction('metadata.create-bus-user', async (sql) => {
      await sql.query('SELECT pg_advisory_xact_lock($1)', [COUNT_LOCK]);
      const [before] = await sql.query<BusUserRow>(
        `SELECT ${COLUMNS} FROM bus_user WHERE name = $1 AND principal = $2`,
        [name, principal],
      );
      if (before) return before;
      const [count] = await sql.query<{ all: number }>('SELECT count(*) AS all FROM bus_user');
      const most = this.config.ENTREPOT_BUS_USERS;
      if (count!.all >= most)
        throw conflict(`there are ${most} users of the bus already: ENTREPOT_BUS_USERS allows more`);
      const [made] = await sql.query<BusUserRow>(
        `INSERT INTO bus_user (principal, name, password_hash, created_by) VALUES ($1, $2, $3, $4)
          ON CONFLICT (name) DO NOTHING RETURNING ${COLUMNS}`,
        [principal, name, hash, asker],
      );
      if (!made)
        throw conflict(`there is a user of the bus named ${name} already: delete it first, or take another name`);
      return made;
    });
    return { ...toUser(row), password };
  }

  async list({ after, limit }: QuestionOf<typeof ListBusUsers>): Promise<{ users: BusUser[]; next: string | null }> {
    const rows = await this.database.read<BusUserRow>(
      `SELECT ${COLUMNS} FROM bus_user WHERE name > $1 ORDER BY name LIMIT $2`,
      [after ?? '', limit + 1],
    );
    const users = rows.slice(0, limit).map(toUser);
    return { users, next: rows.length > limit ? users.at(-1)!.name : null };
  }

  async read(name: string): Promise<BusUser | null> {
    const [row] = await this.database.read<BusUserRow>(`SELECT ${COLUMNS} FROM bus_user WHERE name = $1`, [name]);
    return row ? toUser(row) : null;
  }

  /** The user that was there; null for none. */
  async delete(name: string): Promise<BusUser | null> {
    return this.database.transaction('metadata.delete-bus-user', async (sql) => {
      const [row] = await sql.query<BusUserRow>(`DELETE FROM bus_user WHERE name = $1 RETURNING ${COLUMNS}`, [name]);
      return row ? toUser(row) : null;
    });
  }

  async admits(principal: Principal, password: string): Promise<boolean> {
    const [row] = await this.database.read<{ password_hash: string }>(
      'SELECT password_hash FROM bus_user WHERE principal = $1',
      [principal],
    );
    if (!row) return false;
    const { password_hash: hash } = row;
    const known = this.seen.isRight(principal, hash, password);
    if (known !== undefined) return known;
    const isRight = await isPassword(password, hash);
    if (isRight) this.seen.note(principal, hash, password);
    return isRight;
  }

  /** Those of them that are there. */
  async known(principals: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.database.read<{ principal: string }>(
      'SELECT principal FROM bus_user WHERE principal = ANY($1::text[])',
      [principals],
    );
    return new Set(rows.map(({ principal }) => principal));
  }
}

/** Never one that was there before, since no two seeds are the same: it names whose operations are whose. */
function principalOf(seed: string): Principal {
  const letters = [...derive(seed, 'principal').subarray(0, 20)].map((byte) => LETTERS[byte % LETTERS.length]);
  return PrincipalSchema.parse(`u${letters.join('')}`);
}

/** 32 bytes that say nothing of the seed, nor of each other. */
const derive = (seed: string, what: 'principal' | 'password'): Buffer =>
  createHmac('sha256', seed).update(what).digest();

function toUser({ principal, name, created_at, created_by }: BusUserRow): BusUser {
  return { name, principal, createdAt: created_at.toISOString(), createdBy: created_by };
}
