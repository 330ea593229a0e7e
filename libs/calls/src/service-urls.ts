import type { AnsweringApp } from '#contracts/define-call';

/** Where each service listens for internal calls and bytes: `http://host:port`. */
export type ServiceUrls = Readonly<Record<AnsweringApp, string>>;
