INSERT INTO credentials VALUES ('c1', 'i1', 'password', '', 'sealed', 1000, 0);
INSERT INTO sessions VALUES ('se1', x'00ff', 'i1', 1000, 1000, 9000, 0, '2001:db8::1', 'Firefox', '["password"]');
