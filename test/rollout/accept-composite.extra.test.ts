import { acceptSchema } from '../support/accept-schema.ts';

acceptSchema('composite keys');
