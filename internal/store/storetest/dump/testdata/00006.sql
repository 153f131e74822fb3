INSERT INTO psaps VALUES ('p2', '', 1, 1000, 1000, 'suffolk', 'Suffolk', 0, '25025', 'MA', 'Suffolk', 'null', '+16175550170', 'null', 'Boston Police', '{}');
INSERT INTO psap_routes VALUES ('p2', 0, 't1');
INSERT INTO org_carriers VALUES ('o1', 0, 't1');
INSERT INTO psap_overrides VALUES ('v1', 'o1', 1, 1000, 1000, 'campus', NULL, 'b1', NULL, 'p1', 'an agreement', 0);
