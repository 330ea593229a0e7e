import { HttpException } from '@nestjs/common';
import { quoteText } from '#oci/quote-text';

/** RFC 9110, 15.5.20: a name that is not ours, as after DNS rebinding. No domain code has a word for it. */
export class MisdirectedRequest extends HttpException {
  constructor(host: string) {
    super(`no host ${quoteText(host)} is served here: add it to ENTREPOT_HOSTS if it is meant to be`, 421);
  }
}
