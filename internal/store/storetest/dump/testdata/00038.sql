UPDATE users SET asked = 1760000000000 WHERE id = 'u1';
UPDATE organisations SET own_phones_off = true WHERE id = 'o1';
