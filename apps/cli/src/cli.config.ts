import { z } from 'zod';

const isWebAddress = (text: string) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);

/** What the command reads of its environment. */
export const CliConfigSchema = z.object({
  ENTREPOT_URL: z
    .string()
    .refine(isWebAddress, 'must be an address such as http://127.0.0.1:5050')
    .default('http://127.0.0.1:5050')
    .describe('where the `entrepot` command finds the gateway'),
});
