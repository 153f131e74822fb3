INSERT INTO directory_entries VALUES ('o1', 'di1', 'de2', 'user', 'name bob', 'x2', 0, 1, '{"user":"u1"}', 'u1');
