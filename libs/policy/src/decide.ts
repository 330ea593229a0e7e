import { ANONYMOUS, type Principal } from '#contracts/principal';

/** `pull` serves content, `read` shows what is known about it, `ask` has an operation accepted or called off. */
export const ACTIONS = ['pull', 'read', 'ask'] as const;
export type Action = (typeof ACTIONS)[number];

/** What it is done to. An operation has an owner; a repository is named as it is stored. */
export type Resource =
  | { readonly kind: 'repository'; readonly name: string }
  | { readonly kind: 'images' }
  /** All that happened, whoever asked for it; and the messages that could not be handled. */
  | { readonly kind: 'facts' }
  | { readonly kind: 'dead-letters' }
  /** Who may ask on the bus in a name of its own. */
  | { readonly kind: 'bus-users' }
  | { readonly kind: 'operation'; readonly owner: Principal };

export interface Rules {
  /** What anybody may do without saying who they are; whoever says so may do no less. */
  readonly anonymous: readonly Action[];
}

/** Without authentication, on loopback or where it was allowed explicitly: anybody may do everything there is. */
export const OPEN_RULES: Rules = { anonymous: ACTIONS };

export type Decision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly code: 'UNAUTHORIZED' | 'DENIED'; readonly why: string };

const ALLOWED: Decision = { allowed: true };

/** Who may do what: the only place that says so, whichever face was asked. */
export function decide(principal: Principal, action: Action, resource: Resource, rules: Rules): Decision {
  if (resource.kind === 'operation' && resource.owner !== principal) {
    return { allowed: false, code: 'DENIED', why: "this operation is another caller's" };
  }
  if (rules.anonymous.includes(action)) return ALLOWED;
  if (principal === ANONYMOUS) {
    return { allowed: false, code: 'UNAUTHORIZED', why: `say who you are: without that nobody may ${action} here` };
  }
  return { allowed: false, code: 'DENIED', why: `you may not ${action} here` };
}
