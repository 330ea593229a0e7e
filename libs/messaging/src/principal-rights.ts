import type { Principal } from '#contracts/principal';
import { OUTCOME_PREFIX } from './streams';

/** The account of the users that are made at run time. */
export const PRINCIPALS = 'PRINCIPALS';

/**
 * What a principal may do on the bus: ask in its own name, read all facts as anybody may, and its own outcomes and
 * progress. Answers come to an inbox of its own (`_INBOX_<principal>`): the usual one would be everybody's, and so what
 * it is answered.
 */
export function principalRights(principal: Principal) {
  return {
    pub: {
      allow: [
        `entrepot.request.*.${principal}`,
        '$JS.API.DIRECT.GET.ENTREPOT_FACTS',
        `$JS.API.DIRECT.GET.ENTREPOT_OUTCOMES.${OUTCOME_PREFIX}.${principal}.*`,
      ],
    },
    sub: {
      allow: [
        'entrepot.fact.>',
        `${OUTCOME_PREFIX}.${principal}.>`,
        `entrepot.progress.${principal}.>`,
        `_INBOX_${principal}.>`,
      ],
    },
  };
}
