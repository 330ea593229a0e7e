/** The injection token of where this very process answers internal calls; null where it is all services in one. */
export const OWN_URL = Symbol('own url');
