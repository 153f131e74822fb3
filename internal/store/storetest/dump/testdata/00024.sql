INSERT INTO directories VALUES ('o1', 'di1', 'ldap', 1, 'sealed', '');
INSERT INTO directory_entries VALUES ('o1', 'di1', 'de1', 'person', 'ann', 'x1', 0, 1, '{}');
