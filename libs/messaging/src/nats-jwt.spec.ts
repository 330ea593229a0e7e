import { nkeys } from '@nats-io/transport-node';
import { readClaims, signClaims } from './nats-jwt';

describe('claims that NATS servers read', () => {
  it.each(['createOperator', 'createAccount', 'createUser'] as const)('are signed as its own tools do: %s', (make) => {
    const key = nkeys[make]();
    const jwt = signClaims(key, { sub: 'x', nats: { type: 'user' } }, 1_700_000_000_000);
    const [head, body, signature] = jwt.split('.');
    expect(key.verify(Buffer.from(`${head}.${body}`), Buffer.from(signature!, 'base64url'))).toBe(true);
    const claims = { iat: 1_700_000_000, iss: key.getPublicKey(), sub: 'x', nats: { type: 'user' } };
    expect(readClaims(jwt)).toEqual(claims);
  });

  it('cost next to nothing: who is refused must not keep the process busy', () => {
    const key = nkeys.createAccount();
    const library = jest.spyOn(key, 'sign');
    for (let time = 0; time < 3; time += 1) signClaims(key, {});
    expect(library).not.toHaveBeenCalled();
  });
});
