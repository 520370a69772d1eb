"""What both web apps share: the public pages (`web`) and the desk on one machine (`studio`)."""
