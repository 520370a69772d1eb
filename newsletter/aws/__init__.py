"""What SES, SQS and SNS share: clients of AWS, and what their errors mean.

clients   the clients of the SDK, made for one section of the settings
faults    an error of AWS or of its SDK -> what is wrong, and what to do about it
meanings  the tables into which faults looks
"""
