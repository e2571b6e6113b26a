import { acceptSchema } from '../support/accept-schema.ts';

acceptSchema('several schemas');
