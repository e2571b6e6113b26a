import { acceptSchema } from '../support/accept-schema.ts';

acceptSchema('keys of their own names');
