import { z } from 'zod';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;

export type LogLevelName = (typeof LOG_LEVELS)[number];

/** How much a program says while it runs. */
export const logLevel = () => z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` });

export const LOG_FORMATS = ['auto', 'json', 'text'] as const;

export type LogFormat = (typeof LOG_FORMATS)[number];

/** How a program says it. */
export const logFormat = () => z.enum(LOG_FORMATS, { error: `must be one of ${LOG_FORMATS.join(', ')}` });
