import crypto from 'node:crypto';
import { PrincipalSchema } from '#contracts/principal';
import type { Database } from '../database/database';
import { BusUserStore } from './bus-user.store';
import { hashPassword } from './hash-password';

const ANN = PrincipalSchema.parse('uann');
const BOB = PrincipalSchema.parse('ubob');

describe('who may log in on the bus', () => {
  const kept = new Map<unknown, string>();
  const database = {
    read: async (_: string, [principal]: unknown[]) =>
      kept.has(principal) ? [{ password_hash: kept.get(principal) }] : [],
  } as unknown as Database;
  let looks: jest.SpyInstance;
  let store: BusUserStore;

  beforeEach(async () => {
    kept.set(ANN, await hashPassword('right', crypto.randomBytes(16)));
    kept.set(BOB, await hashPassword('right', crypto.randomBytes(16)));
    store = new BusUserStore(database, { ENTREPOT_BUS_USERS: 1 });
    looks = jest.spyOn(crypto, 'scrypt');
  });
  afterEach(() => looks.mockRestore());

  it('is looked at slowly once, and not again for whoever comes back or guesses', async () => {
    expect(await store.admits(ANN, 'wrong')).toBe(false);
    expect(await store.admits(ANN, 'right')).toBe(true);
    expect(looks).toHaveBeenCalledTimes(2);
    for (let time = 0; time < 100; time += 1)
      expect(await store.admits(ANN, time % 2 ? 'right' : 'wrong')).toBe(time % 2 === 1);
    expect(looks).toHaveBeenCalledTimes(2);
  });

  it('is nobody who was deleted, nor with a password that was replaced, on whichever replica', async () => {
    expect(await store.admits(ANN, 'right')).toBe(true);
    kept.set(ANN, await hashPassword('newer', crypto.randomBytes(16)));
    expect(await store.admits(ANN, 'right')).toBe(false);
    expect(await store.admits(ANN, 'newer')).toBe(true);
    kept.delete(ANN);
    expect(await store.admits(ANN, 'newer')).toBe(false);
  });

  it('is remembered for as many as there may be', async () => {
    for (const principal of [ANN, BOB, ANN]) expect(await store.admits(principal, 'right')).toBe(true);
    expect(looks).toHaveBeenCalledTimes(3);
  });
});
