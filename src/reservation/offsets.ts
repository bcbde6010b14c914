export { iovaHiAt, iovaLoAt, offsetOf, spanInRange } from '../lpae/offsets.ts';
