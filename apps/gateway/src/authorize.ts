import { ANONYMOUS } from '#contracts/principal';
import { RegistryError } from '#oci/registry-error';
import { type Action, decide, OPEN_RULES, type Resource } from '#policy/decide';

/**
 * Asks the policy for whoever asks us: nobody says yet who they are, and where this gateway listens without
 * authentication at all was decided at its start. Throws UNAUTHORIZED or DENIED.
 */
export function authorize(action: Action, resource: Resource): void {
  const decision = decide(ANONYMOUS, action, resource, OPEN_RULES);
  if (!decision.allowed) throw new RegistryError(decision.code, decision.why);
}
