INSERT INTO member_links VALUES (x'00ff02', 'invitation', 'i1', 1000, 2000, true);
