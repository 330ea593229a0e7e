import { ANONYMOUS, PrincipalSchema } from '#contracts/principal';
import { ACTIONS, decide, OPEN_RULES, type Resource, type Rules } from './decide';

const ann = PrincipalSchema.parse('ann');
const bob = PrincipalSchema.parse('bob');
const CLOSED: Rules = { anonymous: [] };
const READ_ONLY: Rules = { anonymous: ['pull', 'read'] };
const node: Resource = { kind: 'repository', name: 'docker.io/library/node' };

describe('decide', () => {
  test.each(ACTIONS)('without authentication anybody may %s', (action) => {
    expect(decide(ANONYMOUS, action, node, OPEN_RULES)).toEqual({ allowed: true });
    expect(decide(ann, action, { kind: 'images' }, OPEN_RULES)).toEqual({ allowed: true });
  });

  test.each([
    [ANONYMOUS, 'pull', CLOSED, 'UNAUTHORIZED'],
    [ann, 'pull', CLOSED, 'DENIED'],
    [ANONYMOUS, 'ask', READ_ONLY, 'UNAUTHORIZED'],
    [ann, 'ask', READ_ONLY, 'DENIED'],
  ] as const)('what no rule allows is refused: %s may not %s', (principal, action, rules, code) => {
    expect(decide(principal, action, node, rules)).toMatchObject({ allowed: false, code });
  });

  test('whoever says who they are may do no less than those who do not', () => {
    expect(decide(ann, 'read', node, READ_ONLY)).toEqual({ allowed: true });
  });

  test.each(ACTIONS)("nobody may %s another's operation, whatever the rules", (action) => {
    expect(decide(ann, action, { kind: 'operation', owner: bob }, OPEN_RULES)).toMatchObject({ code: 'DENIED' });
    expect(decide(bob, action, { kind: 'operation', owner: bob }, OPEN_RULES)).toEqual({ allowed: true });
  });
});
