INSERT INTO partners VALUES ('pa1', 'north', 'North', 1000);
INSERT INTO org_partners VALUES ('o1', 'pa1');
INSERT INTO identities VALUES ('i1', 'Ann@Harbor.example', 'ann@harbor.example', 'Ann', 'fr', 1000, 0, 2000);
INSERT INTO member_grants VALUES ('g1', 'i1', 'organisation', '', 'o1', '', 0, TRUE, 'trunk', 1000, 'test', 0);
INSERT INTO org_transfers VALUES ('ot1', 'o1', 'pa1', '', 1000, '{}', 0);
INSERT INTO member_links VALUES (x'00ff01', 'reset', 'i1', 1000, 2000);
